"""What plan/ cannot look at itself: the live cluster by kubectl, and files beside the stack file."""
