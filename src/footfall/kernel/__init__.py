"""Words every part shares: ids, instants, money, scope, errors. Standard library only, pure."""
