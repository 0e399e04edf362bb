# What is in the module now was in this folder until version 0.3.

moved {
  from = module.apis
  to   = module.gemhook.module.apis
}

moved {
  from = module.backend
  to   = module.gemhook.module.backend
}

moved {
  from = module.lambda
  to   = module.gemhook.module.lambda
}

moved {
  from = module.observability
  to   = module.gemhook.module.observability
}
