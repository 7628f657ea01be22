"""`python -m local_azure` is `local-azure`."""

from local_azure.command_line import main

main()
