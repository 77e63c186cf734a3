"""Credentials: what keeps a secret out of sight, where tokens are kept, and the one refresh of an access token.

``secret`` masks a value wherever it might be shown, ``vault`` knows the places a token may lie in, ``ring`` asks the
desktop's keyring among them without waiting for it, ``tokens`` turns a refresh token into access tokens.
"""

from artui.credentials.secret import Secret, scrub
from artui.credentials.tokens import AccessTokens, Refreshed, SignedOut
from artui.credentials.vault import CredentialProblem, KeyStore, NoRoomForKey, Stored, Vault, WhoSignedIn, of_webhook

__all__ = [
    "AccessTokens",
    "CredentialProblem",
    "KeyStore",
    "NoRoomForKey",
    "Refreshed",
    "Secret",
    "SignedOut",
    "Stored",
    "Vault",
    "WhoSignedIn",
    "of_webhook",
    "scrub",
]
