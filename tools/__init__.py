"""Tools that use the product from outside: the scenario, the delivery, the load test, the set-up."""
