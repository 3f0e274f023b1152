"""What the autoscalers decide: pure functions and plain objects, time passed in, every rule with its source."""
