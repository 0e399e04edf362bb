resource "aws_cloudwatch_log_metric_filter" "logged" {
  for_each = var.alarms

  name           = "${var.name}-${each.key}"
  log_group_name = aws_cloudwatch_log_group.log.name
  pattern        = each.value.pattern

  metric_transformation {
    namespace     = "gemhook/${var.name}"
    name          = each.key
    value         = "1"
    default_value = "0"
  }
}

resource "aws_cloudwatch_metric_alarm" "logged" {
  for_each = var.alarms

  alarm_name        = "${var.name}-${each.key}"
  alarm_description = each.value.description
  alarm_actions     = var.alarm_topics
  ok_actions        = var.alarm_topics
  tags              = var.labels

  namespace           = aws_cloudwatch_log_metric_filter.logged[each.key].metric_transformation[0].namespace
  metric_name         = aws_cloudwatch_log_metric_filter.logged[each.key].metric_transformation[0].name
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.above
  treat_missing_data  = "notBreaching"
}

# A function that cannot start, or is stopped for its memory or time, writes no line of its own.
resource "aws_cloudwatch_metric_alarm" "errors" {
  alarm_name        = var.errors_alarm.name
  alarm_description = var.errors_alarm.description
  alarm_actions     = var.alarm_topics
  ok_actions        = var.alarm_topics
  tags              = var.labels

  namespace           = "AWS/Lambda"
  metric_name         = "Errors"
  dimensions          = { FunctionName = aws_lambda_function.function.function_name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
}

# A function that nobody calls has no data at all, which is what raises the alarm.
resource "aws_cloudwatch_metric_alarm" "idle" {
  count = var.idle_alarm == null ? 0 : 1

  alarm_name        = var.idle_alarm.name
  alarm_description = var.idle_alarm.description
  alarm_actions     = var.alarm_topics
  ok_actions        = var.alarm_topics
  tags              = var.labels

  namespace           = "AWS/Lambda"
  metric_name         = "Invocations"
  dimensions          = { FunctionName = aws_lambda_function.function.function_name }
  statistic           = "Sum"
  period              = 3600
  evaluation_periods  = 3
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
}
