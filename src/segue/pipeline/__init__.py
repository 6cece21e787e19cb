"""The one path that every call takes, whatever its kind. `order` is the place to begin reading."""
