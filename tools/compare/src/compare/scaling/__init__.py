"""How each autoscaler follows a traffic trace: replicas, refused and dropped connections, cost."""
