# The resources of a function were in this module until there were other functions.
moved {
  from = module.source
  to   = module.function.module.source
}

moved {
  from = google_storage_bucket_object.source
  to   = module.function.google_storage_bucket_object.source
}

moved {
  from = google_cloudfunctions2_function.receiver
  to   = module.function.google_cloudfunctions2_function.function
}

moved {
  from = google_cloud_run_v2_service_iam_member.public
  to   = module.function.google_cloud_run_v2_service_iam_member.public[0]
}

moved {
  from = google_logging_project_exclusion.request_logs
  to   = module.function.google_logging_project_exclusion.request_logs
}
