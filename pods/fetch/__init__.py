"""`fetch`: the locked files of one model, from the hub onto the volume."""
