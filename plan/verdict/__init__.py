"""What a preview means for users: the verdict on `pulumi preview --json` and a plan, and a diff that a person reads."""
