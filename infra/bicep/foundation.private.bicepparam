// What the private environment needs from the subscription.

using './foundation.bicep'

import { prod } from 'sizes.bicep'

param environmentName = 'private'
param location = readEnvironmentVariable('AZURE_LOCATION', 'koreacentral')
param size = prod
param operatorEmail = readEnvironmentVariable('OPERATOR_EMAIL')
param budgetStartDate = readEnvironmentVariable('BUDGET_START_DATE')
param pipelinePrincipalId = readEnvironmentVariable('PIPELINE_PRINCIPAL_ID', '')
