"""Events as this system receives them: from the change feed and from Service Bus."""
