"""The programs that run in the stack's pods, with the standard library only; pods/archives/ has what each pod gets."""
