"""The Client Credentials Grant: Box gives access tokens for a client id and a client secret."""
