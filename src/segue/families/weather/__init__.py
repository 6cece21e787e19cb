"""The weather family: `weather.current`, asked of any provider in one shape and answered in one shape.

Every weather service has its own units, codes and error conventions. This room knows them, and it shows the rest of
the house only an operation and wire adapters, so no line of the pipeline knows that weather is not a chat.
"""
