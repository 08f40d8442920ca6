"""The schedules of CronJobs, in exactly Kubernetes' dialect."""
