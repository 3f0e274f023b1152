"""The controller that has the emptiest pod go first."""
