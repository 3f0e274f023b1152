"""Which way to run the backend: what each one costs, how each one scales, before anything is deployed."""
