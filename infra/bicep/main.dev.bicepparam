// The dev environment. sizes.bicep says why it is as large as it is.

using './main.bicep'

import { dev } from 'sizes.bicep'

param environmentName = 'dev'
param location = readEnvironmentVariable('AZURE_LOCATION', 'koreacentral')
param size = dev
param authClientId = readEnvironmentVariable('AUTH_CLIENT_ID')
param operatorEmail = readEnvironmentVariable('OPERATOR_EMAIL')
param budgetStartDate = readEnvironmentVariable('BUDGET_START_DATE')
