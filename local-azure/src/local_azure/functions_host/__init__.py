"""A local Azure Functions host: runs one app of the Python v2 model with Microsoft's own worker library.

`python -m local_azure.functions_host --app FOLDER --port N --name NAME`
"""
