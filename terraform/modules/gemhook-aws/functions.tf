# The two functions beside the receiver, each off unless it is asked for.

module "collect" {
  source = "../collect"
  count  = var.collect == null ? 0 : 1

  project_id          = module.apis.project_id
  name                = var.name
  labels              = local.labels
  location            = coalesce(var.storage.data_location, var.firestore_location)
  backend             = local.backend_of_functions
  pubsub_agent        = module.backend.pubsub_agent
  settings            = var.settings
  google_credentials  = module.collect_function[0].google_credentials
  url                 = module.collect_function[0].url
  expiration_days     = var.collect.expiration_days
  force_destroy       = var.collect.force_destroy
  deletion_protection = var.deletion_protection
  kms_key             = local.kms_key
}

module "collect_function" {
  source = "../lambdafunction"
  count  = var.collect == null ? 0 : 1

  project_id         = module.apis.project_id
  name               = var.name
  labels             = local.labels
  function_name      = "${var.name}-collect"
  description        = "Stores what an event points to in a bucket, and says so on a topic"
  package            = coalesce(var.packages.collect, "${local.dist}/collect-lambda.zip")
  environment        = module.collect[0].environment
  pool               = module.lambda.pool
  provider_id        = "aws-collect"
  memory_mb          = var.collect.memory_mb
  timeout_seconds    = 540
  log_retention_days = var.function.log_retention_days
  alarms             = module.alarms.logged.collect
  errors_alarm       = { name = "${var.name}-collect-errors", description = module.alarms.errors.collect }
  alarm_topics       = var.alarm_topics

  account = {
    name  = module.collect[0].account
    email = module.collect[0].service_account
  }
}

module "reconcile" {
  source = "../reconcile"
  count  = var.reconcile == null ? 0 : 1

  project_id          = module.apis.project_id
  name                = var.name
  backend             = local.backend_of_functions
  has_results         = var.collect != null
  results_topic       = one(module.collect[*].topic)
  settings            = var.settings
  google_credentials  = module.reconcile_function[0].google_credentials
  url                 = "${module.lambda.url}/"
  find_after          = var.reconcile.find_after
  find_prefix         = var.reconcile.find_prefix
  finish_rate         = var.reconcile.finish_rate
  canary              = var.reconcile.canary
  scheduled_by_google = false
}

module "reconcile_function" {
  source = "../lambdafunction"
  count  = var.reconcile == null ? 0 : 1

  project_id         = module.apis.project_id
  name               = var.name
  labels             = local.labels
  function_name      = "${var.name}-reconcile"
  description        = "Finishes what was left, enables the webhook again, finds batches whose event never came"
  package            = coalesce(var.packages.reconcile, "${local.dist}/reconcile-lambda.zip")
  environment        = module.reconcile[0].environment
  pool               = module.lambda.pool
  provider_id        = "aws-reconcile"
  has_url            = false
  timeout_seconds    = 540
  log_retention_days = var.function.log_retention_days
  alarms             = module.alarms.logged.reconcile
  errors_alarm       = { name = "${var.name}-reconcile-errors", description = module.alarms.errors.reconcile }
  idle_alarm         = { name = "${var.name}-reconcile-missing", description = module.alarms.idle.reconcile }
  alarm_topics       = var.alarm_topics

  account = {
    name  = module.reconcile[0].account
    email = module.reconcile[0].service_account
  }
}

resource "aws_scheduler_schedule" "reconcile" {
  count = var.reconcile == null ? 0 : 1

  name                = "${var.name}-reconcile"
  description         = "Finishes what was left (gemhook)"
  schedule_expression = "rate(${var.reconcile.every_minutes} minutes)"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = module.reconcile_function[0].arn
    role_arn = aws_iam_role.schedule[0].arn

    retry_policy {
      maximum_retry_attempts = 0 # the next run goes on
    }
  }
}

resource "aws_iam_role" "schedule" {
  count = var.reconcile == null ? 0 : 1

  name        = "${var.name}-schedule"
  description = "Invokes gemhook's reconcile"
  tags        = local.labels

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "scheduler.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current[0].account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "schedule" {
  count = var.reconcile == null ? 0 : 1

  name = "invoke"
  role = aws_iam_role.schedule[0].name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = "lambda:InvokeFunction"
      Resource = module.reconcile_function[0].arn
    }]
  })
}

data "aws_caller_identity" "current" {
  count = var.reconcile == null ? 0 : 1
}
