"""What the domain asks of models: the ports, and the values that cross them."""
