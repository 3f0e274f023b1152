"""What invokes functions besides the gateway: queues that have messages, and schedules that fall due."""
