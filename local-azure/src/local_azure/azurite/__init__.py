"""Azure Storage: Microsoft's own Azurite, from npm, installed the first time it is needed."""
