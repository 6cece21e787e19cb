"""The history of the store's tables, applied by `segue.backends.store.schema` when a store is opened."""
