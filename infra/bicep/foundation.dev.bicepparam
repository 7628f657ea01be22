// What the dev environment needs from the subscription.

using './foundation.bicep'

import { dev } from 'sizes.bicep'

param environmentName = 'dev'
param location = readEnvironmentVariable('AZURE_LOCATION', 'koreacentral')
param size = dev
param operatorEmail = readEnvironmentVariable('OPERATOR_EMAIL')
param budgetStartDate = readEnvironmentVariable('BUDGET_START_DATE')
param pipelinePrincipalId = readEnvironmentVariable('PIPELINE_PRINCIPAL_ID', '')
