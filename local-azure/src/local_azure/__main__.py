"""`python -m local_azure`."""

from local_azure.command_line import main

main()
