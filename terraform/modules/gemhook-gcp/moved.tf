# What functions are built with was part of the receiver until there were other functions.
moved {
  from = module.receiver.google_storage_bucket.source
  to   = module.build.google_storage_bucket.source
}

moved {
  from = module.receiver.google_artifact_registry_repository.images
  to   = module.build.google_artifact_registry_repository.images
}

moved {
  from = module.receiver.google_service_account.build
  to   = module.build.google_service_account.build
}

moved {
  from = module.receiver.time_sleep.build_account
  to   = module.build.time_sleep.build_account
}

moved {
  from = module.receiver.google_storage_bucket_iam_member.build_source
  to   = module.build.google_storage_bucket_iam_member.build_source
}

moved {
  from = module.receiver.google_artifact_registry_repository_iam_member.build_images
  to   = module.build.google_artifact_registry_repository_iam_member.build_images
}

moved {
  from = module.receiver.google_project_iam_member.build_staging
  to   = module.build.google_project_iam_member.build_staging
}

moved {
  from = module.receiver.google_project_iam_member.build_logs
  to   = module.build.google_project_iam_member.build_logs
}

moved {
  from = module.receiver.time_sleep.build_granted
  to   = module.build.time_sleep.build_granted
}
