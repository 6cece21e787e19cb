"""Bedrock's Converse and ConverseStream, as a provider speaks them."""
