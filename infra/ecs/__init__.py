"""The variant on Amazon ECS."""
