"""The application, host-free: Lambda functions and pods run the same routes over the same three ports."""
