"""What is known of models before anybody asks them: prices, context windows, what they can do."""
