run "thresholds" {
  command = plan

  variables {
    signature_failures = 50
  }

  assert {
    condition = { for name, alarm in merge(values(output.logged)...) : name => alarm.above if alarm.above > 0 } == {
      signature-failures = 50
      collect-failing    = 5
    }
    error_message = "One line is enough for every other alarm."
  }

  assert {
    condition     = alltrue([for description in concat([for alarm in merge(values(output.logged)...) : alarm.description], values(output.errors), values(output.idle)) : length(description) <= 1024])
    error_message = "CloudWatch takes descriptions of up to 1024 characters."
  }
}

run "bad_threshold" {
  command = plan

  variables {
    signature_failures = -1
  }

  expect_failures = [var.signature_failures]
}
