"""What works on the product from outside: the scenario, delivery, the load test, set-up."""
