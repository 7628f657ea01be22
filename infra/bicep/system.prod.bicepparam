// The prod environment. sizes.bicep has the reasons for its size.

using './system.bicep'

import { prod } from 'sizes.bicep'

param environmentName = 'prod'
param location = readEnvironmentVariable('AZURE_LOCATION', 'koreacentral')
param size = prod
param authClientId = readEnvironmentVariable('AUTH_CLIENT_ID')
param operatorEmail = readEnvironmentVariable('OPERATOR_EMAIL')
