locals {
  service = "${local.resource},service_name=\"${try(var.receiver.service, "")}\""
  every   = "[$${__interval}]" # what the chart's resolution calls for

  # Rows of tiles, each as wide as said, on a grid of 48 columns.
  receiver_rows = [for row in [
    {
      height = 8
      tiles = [
        { width = 12, title = "Published, last 24 h", number = "sum(increase(${local.deliveries_metric}{${local.resource},outcome=\"published\"}[24h])) or vector(0)" },
        { width = 12, title = "Repeats absorbed, last 24 h", number = "sum(increase(${local.deliveries_metric}{${local.resource},outcome=\"duplicate\"}[24h])) or vector(0)" },
        { width = 12, title = "Answered 503, last 24 h", number = "sum(increase(${local.deliveries_metric}{${local.resource},outcome=~\".*_unavailable\"}[24h])) or vector(0)", red_above = 0.5 },
        { width = 12, title = "Refused signatures, last 24 h", number = "sum(increase(${local.deliveries_metric}{${local.resource},outcome=~\"bad_signature|stale_timestamp|unknown_token|bad_token\"}[24h])) or vector(0)", red_above = max(0.5, var.thresholds.signature_failures) },
      ]
    },
    {
      height = 16
      tiles = [
        { width = 24, title = "Deliveries by outcome", plot = "STACKED_BAR", series = "sum by (outcome) (increase(${local.deliveries_metric}{${local.resource}}${local.every}))" },
        { width = 24, title = "Time to answer (ms)", plot = "LINE", lines = {
          for quantile, name in { "0.5" = "p50", "0.95" = "p95", "0.99" = "p99" } :
          name => "histogram_quantile(${quantile}, sum by (le) (rate(${local.latency_metric}_bucket{${local.resource}}${local.every})))"
        } },
      ]
    },
    {
      height = 16
      tiles = [
        { width = 24, title = "Published by event type", plot = "STACKED_BAR", series = "sum by (type) (increase(${local.deliveries_metric}{${local.resource},outcome=\"published\"}${local.every}))" },
        { width = 24, title = "Verified by signature scheme", plot = "STACKED_BAR", series = "sum by (scheme) (increase(${local.deliveries_metric}{${local.resource},outcome=~\"published|duplicate|dead_lettered\"}${local.every}))" },
      ]
    },
  ] : row if var.receiver != null]

  tenant_rows = [for row in [
    {
      height = 16
      tiles = [
        { width = 24, title = "Published by tenant", plot = "STACKED_BAR", series = "sum by (tenant) (increase(${local.tenants_metric}{${local.resource},outcome=\"published\"}${local.every}))" },
        { width = 24, title = "Refused or failed, by tenant", plot = "STACKED_BAR", series = "sum by (tenant, outcome) (increase(${local.tenants_metric}{${local.resource},outcome!~\"published|duplicate\"}${local.every}))" },
      ]
    },
  ] : row if var.receiver != null && local.by_tenant]

  backend_rows = [
    {
      height = 16
      tiles = [
        { width = 16, title = "Oldest message not acknowledged (s)", plot = "LINE", series = "max by (subscription_id) (pubsub_googleapis_com:subscription_oldest_unacked_message_age{${local.own_subscriptions}})" },
        { width = 16, title = "Messages waiting", plot = "LINE", series = "sum by (subscription_id) (pubsub_googleapis_com:subscription_num_undelivered_messages{${local.own_subscriptions}})" },
        { width = 16, title = "Dead letters waiting", number = "sum(pubsub_googleapis_com:subscription_num_undelivered_messages{subscription_id=\"${var.dead_letter_subscription}\"}) or vector(0)", red_above = 0.5 },
      ]
    },
  ]

  instance_rows = [for row in [
    {
      height = 16
      tiles = [
        { width = 16, title = "Instances", plot = "STACKED_AREA", series = "sum by (state) (run_googleapis_com:container_instance_count{${local.service}})" },
        { width = 16, title = "Answers by status class", plot = "STACKED_BAR", series = "sum by (response_code_class) (increase(run_googleapis_com:request_count{${local.service}}${local.every}))" },
        { width = 16, title = "Memory in use, p99", plot = "LINE", lines = { "share of the limit" = "histogram_quantile(0.99, sum by (le) (rate(run_googleapis_com:container_memory_utilizations_bucket{${local.service}}${local.every})))" } },
      ]
    },
    {
      height = 20
      tiles  = [{ width = 48, title = "Deliveries that failed", log = "${local.delivery_lines} AND severity >= WARNING" }]
    },
  ] : row if var.receiver != null]

  rows              = concat(local.receiver_rows, local.tenant_rows, local.backend_rows, local.instance_rows)
  own_subscriptions = "subscription_id=~\"${join("|", sort(values(var.subscriptions)))}\""

  # The API drops members that are zero, false or empty, which would be a change in every later
  # plan: so none is written.
  tiles = flatten([
    for r, row in local.rows : [
      for t, tile in row.tiles : merge(
        { width = tile.width, height = row.height, widget = merge({ title = tile.title }, local.widgets["${r}.${t}"]) },
        t == 0 ? {} : { xPos = sum([for before in slice(row.tiles, 0, t) : before.width]) },
        r == 0 ? {} : { yPos = sum([for above in slice(local.rows, 0, r) : above.height]) },
      )
    ]
  ])

  widgets = merge([
    for r, row in local.rows : {
      for t, tile in row.tiles : "${r}.${t}" => merge(
        try({ logsPanel = { filter = tile.log } }, {}),
        try({ scorecard = merge(
          { timeSeriesQuery = { prometheusQuery = tile.number }, sparkChartView = { sparkChartType = "SPARK_LINE" } },
          try({ thresholds = [{ value = tile.red_above, color = "RED", direction = "ABOVE" }] }, {}),
        ) }, {}),
        try({ xyChart = {
          dataSets = [{ plotType = tile.plot, targetAxis = "Y1", timeSeriesQuery = { prometheusQuery = tile.series } }]
        } }, {}),
        try({ xyChart = {
          dataSets = [for name, query in tile.lines : {
            plotType        = tile.plot
            targetAxis      = "Y1"
            legendTemplate  = name
            timeSeriesQuery = { prometheusQuery = query }
          }]
        } }, {}),
      )
    }
  ]...)
}

resource "google_monitoring_dashboard" "deliveries" {
  project = var.project_id

  dashboard_json = jsonencode({
    displayName  = "gemhook (${var.name})"
    mosaicLayout = { columns = 48, tiles = local.tiles }
  })
}
