// The shapes that the modules and the parameter files share.

@export()
@description('How one function app scales. Every number counts per scale group: all HTTP functions together are one, each event function is one of its own.')
type Scale = {
  @description('2048 MB come with one core, 512 MB with a quarter of it, on which Python starts too slowly for the platform\'s 30 s.')
  instanceMemoryMB: 512 | 2048 | 4096

  @description('The most instances of a scale group: the bound on what a flood of requests can cost.')
  @minValue(1)
  @maxValue(1000)
  maximumInstanceCount: int

  @description('HTTP requests that an instance works on at once. The platform\'s own default for Python is 1, which would make async functions pointless.')
  @minValue(1)
  @maxValue(1000)
  perInstanceConcurrency: int

  @description('Instances that never go away, by scale group: `http` or `function:<name>`. With zoneRedundant two of each group at least, because the platform keeps and bills these in any case.')
  alwaysReady: AlwaysReady[]
}

@export()
type AlwaysReady = {
  name: string
  @minValue(1)
  instanceCount: int
}

@export()
@description('The most request units per second of each container (autoscale goes down to a tenth).')
type Throughput = {
  customers: int
  kakaos: int
  customerViews: int
  leases: int
}

@export()
@description('Everything in which environments differ.')
type Size = {
  customer: Scale
  kakao: Scale
  customerview: Scale

  @description('Replace instances one after the other when a new package comes, instead of all at once.')
  rollingUpdates: bool

  @description('Without it the account is serverless: paid by use, and up to 5000 request units per second and container.')
  throughput: Throughput?

  @description('How far back the database can be restored to any second.')
  backup: 'Continuous7Days' | 'Continuous30Days'

  @description('Spread plans, storage and database over the region\'s zones.')
  zoneRedundant: bool

  @description('Days that logs and traces are kept.')
  @minValue(30)
  @maxValue(730)
  logRetentionDays: int

  @description('Gigabytes of logs and traces a day at which taking more stops; -1 for no cap.')
  dailyLogCapGb: int

  @description('Percent of the traces that are kept: by gateway and apps alike, so that a trace is there as a whole or not at all. Metrics and logs are all kept.')
  @minValue(1)
  @maxValue(100)
  sampledPercentage: int

  @description('Somebody counts on it being up: availability is asked for, and silence is told.')
  attended: bool

  @description('What it may cost a month before somebody is told, in the currency that the subscription is billed in.')
  @minValue(1)
  monthlyBudget: int
}

@export()
@description('App settings beyond those that the templates themselves give: an environment\'s own timeouts, limits and lifetimes (shared/settings.py).')
type ExtraSettings = {
  customer: { *: string }
  kakao: { *: string }
  customerview: { *: string }
}
