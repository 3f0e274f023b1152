"""Your machine as the cloud: reads synthesized CloudFormation templates and runs what is in them."""
