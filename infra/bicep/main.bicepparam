// For azd, which names the environment: the one called prod has the size of prod, every other one that of dev.

using './main.bicep'

import { dev, prod } from 'sizes.bicep'

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME')
param location = readEnvironmentVariable('AZURE_LOCATION', 'koreacentral')
param size = environmentName == 'prod' ? prod : dev
param authClientId = readEnvironmentVariable('AUTH_CLIENT_ID')
param operatorEmail = readEnvironmentVariable('OPERATOR_EMAIL')
param budgetStartDate = readEnvironmentVariable('BUDGET_START_DATE')

// As in azd's samples: `azd env set VNET_ENABLED true`, and the roles of whoever runs azd. Nobody gets those in prod.
param privateNetwork = bool(readEnvironmentVariable('VNET_ENABLED', 'false'))
param developerPrincipalId = environmentName == 'prod' ? '' : readEnvironmentVariable('AZURE_PRINCIPAL_ID', '')
param developerPrincipalType = readEnvironmentVariable('AZURE_PRINCIPAL_TYPE', 'User')
