"""Azure Storage: Microsoft's Azurite, installed from npm when it is first needed."""
