"""A local Azure Functions host: runs one Python v2-model app in process with Microsoft's own worker library.

`python -m local_azure.functions_host --app FOLDER --port N --name NAME`
"""
