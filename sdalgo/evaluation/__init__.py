"""What compressed networks are judged by without labels (docs/activation_aware.md)."""
