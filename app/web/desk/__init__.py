"""The staff desk: sign-in, lists, generated forms, records, dashboards."""
