// The types that modules and parameter files share.

@export()
@description('How a function app scales. Every number is per scale group: all HTTP functions together are one group, each event function is another.')
type Scale = {
  @description('2048 MB come with one core. 512 MB come with a quarter of a core: too slow for Python to start within the 30 s that the platform allows.')
  instanceMemoryMB: 512 | 2048 | 4096

  @description('How many on-demand instances a scale group may have. The platform may exceed it for a while, and always-ready instances come on top; so it slows what a flood of requests costs, and is no bound of the app. The quota of the subscription in the region is one. Outside preview regions, Azure may refuse less than 40: lowestInstanceLimit.')
  @minValue(1)
  @maxValue(1000)
  maximumInstanceCount: int

  @description('Concurrent HTTP requests per instance. The default of the platform for Python is 1, which would make async functions pointless.')
  @minValue(1)
  @maxValue(1000)
  perInstanceConcurrency: int

  @description('Always-ready instances by scale group: `http` or `function:<name>`. With zoneRedundant at least two of each group, because the platform keeps and bills these in any case.')
  alwaysReady: AlwaysReady[]
}

@export()
type AlwaysReady = {
  name: string
  @minValue(1)
  instanceCount: int
}

@export()
@description('The maximum request units per second of each container (autoscale goes down to a tenth).')
type Throughput = {
  customers: int
  kakaos: int
  customerViews: int
  accessRecords: int
  leases: int
}

@export()
@description('Who may call: everybody, or customers and operators with a token. docs/operations.md#who-may-call')
type Access = 'customers' | 'open'

@export()
@description('Everything that differs between environments.')
type Size = {
  @description('Whether it holds the data of real customers. refusals.bicep has what follows.')
  realCustomers: bool

  customer: Scale
  kakao: Scale
  customerview: Scale
  web: Scale

  @description('How long a registration waits for kakao, in seconds. Only for an environment without always-ready instances, where kakao may have to start first; without it, the default of the setting KAKAO_TIMEOUT_SECONDS.')
  @minValue(6)
  @maxValue(15)
  kakaoTimeoutSeconds: int?

  @description('How long a registration may take, in seconds. Only for an environment without always-ready instances; without it, the default of the setting REGISTRATION_SECONDS.')
  @minValue(2)
  @maxValue(20)
  registrationSeconds: int?

  @description('How many registrations may be in progress at a time; the gateway refuses more at once, before they reach an instance. Not exact: API Management counts in each of its own instances.')
  @minValue(1)
  registrationsInProgress: int

  @description('How often the change feed is asked for new events, in milliseconds. An idle system publishes that much later; docs/decisions/0025-polling-the-feed.md has the price.')
  @minValue(10)
  @maxValue(60000)
  feedPollMilliseconds: int

  @description('Whether a deployment replaces instances one after the other, instead of all at once.')
  rollingUpdates: bool

  @description('Without it the account is serverless: billed by use, with up to 5000 request units per second and container.')
  throughput: Throughput?

  @description('How far back the database can be restored, to any second.')
  backup: 'Continuous7Days' | 'Continuous30Days'

  @description('Whether plans, storage and database are spread over the zones of the region.')
  zoneRedundant: bool

  @description('Days to keep logs and traces.')
  @minValue(30)
  @maxValue(730)
  logRetentionDays: int

  @description('Gigabytes of logs and traces per day, beyond which none are accepted; -1 for no cap.')
  dailyLogCapGb: int

  @description('Percentage of traces to keep. Gateway and apps use the same, so that a trace is complete or absent. Metrics and logs are all kept.')
  @minValue(1)
  @maxValue(100)
  sampledPercentage: int

  @description('Whether somebody relies on the environment: availability tests run, and an alert reports silence.')
  attended: bool

  @description('Whether a lock keeps the resource group, and everything in it, from being deleted.')
  locked: bool

  @description('Whether every request for data is logged: to the database, and to the storage of the apps. It costs money while idle, too, because polling and the locks of the hosts are requests.')
  audited: bool

  @description('The cost per month that triggers a notification, in the billing currency of the subscription.')
  @minValue(1)
  monthlyBudget: int
}

@export()
@description('App settings in addition to those of the templates: timeouts, limits and lifetimes of an environment (shared/settings.py).')
type ExtraSettings = {
  customer: { *: string }
  kakao: { *: string }
  customerview: { *: string }
  web: { *: string }
}

@export()
@description('The regions with the Flex Consumption plan, as azd\'s samples list them; `az functionapp list-flexconsumption-locations` has the newest.')
type Location =
  | 'australiaeast'
  | 'australiasoutheast'
  | 'brazilsouth'
  | 'canadacentral'
  | 'centralindia'
  | 'centralus'
  | 'eastasia'
  | 'eastus'
  | 'eastus2'
  | 'francecentral'
  | 'germanywestcentral'
  | 'italynorth'
  | 'japaneast'
  | 'koreacentral'
  | 'northcentralus'
  | 'northeurope'
  | 'norwayeast'
  | 'southafricanorth'
  | 'southcentralus'
  | 'southeastasia'
  | 'southindia'
  | 'spaincentral'
  | 'swedencentral'
  | 'uaenorth'
  | 'uksouth'
  | 'ukwest'
  | 'westcentralus'
  | 'westeurope'
  | 'westus'
  | 'westus2'
  | 'westus3'

@export()
@description('The resource group of an environment.')
func resourceGroupName(environmentName string) string =>
  '${loadJsonContent('abbreviations.json').resourcesResourceGroups}${environmentName}'
