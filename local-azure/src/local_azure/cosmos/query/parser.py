"""Parses tokens to a syntax tree: clauses by recursive descent, expressions by operator precedence."""

from local_azure.cosmos import errors
from local_azure.cosmos.limits import MAX_QUERY_CHARACTERS, MAX_QUERY_NESTING
from local_azure.cosmos.query import syntax
from local_azure.cosmos.query.syntax import Expression
from local_azure.cosmos.query.tokens import Token, tokenize
from local_azure.cosmos.query.values import is_number

_KEYWORDS = frozenset(
    (
        *("SELECT", "TOP", "VALUE", "DISTINCT", "FROM", "JOIN", "IN", "AS", "WHERE", "GROUP", "BY", "ORDER", "ASC"),
        *("DESC", "OFFSET", "LIMIT", "AND", "OR", "NOT", "BETWEEN", "LIKE", "ESCAPE", "EXISTS", "ARRAY", "NULL"),
        *("TRUE", "FALSE", "UNDEFINED"),
    )
)
_LITERALS = {"NULL": None, "TRUE": True, "FALSE": False}
_CONDITIONAL, _COALESCE, _OR, _AND, _NOT, _COMPARISON = range(1, 7)
_PRECEDENCE = {
    "?": _CONDITIONAL,
    "??": _COALESCE,
    "OR": _OR,
    "AND": _AND,
    **dict.fromkeys(("=", "!=", "<>", "<", ">", "<=", ">=", "IN", "BETWEEN", "LIKE", "NOT"), _COMPARISON),
    "|": 7,
    "^": 8,
    "&": 9,
    **dict.fromkeys(("<<", ">>", ">>>"), 10),
    **dict.fromkeys(("+", "-", "||"), 11),
    **dict.fromkeys(("*", "/", "%"), 12),
}
_UNARY = 13
_LOWEST_OPERAND_OF_BETWEEN = 7


def parse(text: str) -> syntax.Query:
    """Parses a query. Raises query_error."""
    if len(text) > MAX_QUERY_CHARACTERS:
        raise errors.query_error(f"The query is longer than {MAX_QUERY_CHARACTERS} characters.", 0, len(text), "SC3010")
    parser = _Parser(tokenize(text))
    query = parser.query()
    parser.expect_end()
    return query


def parse_condition(text: str) -> syntax.Query:
    """Parses the condition of a patch, `FROM c WHERE …`, as if it started with SELECT *. Raises query_error."""
    return parse("SELECT * " + text)


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._position = 0
        self._nesting = 0

    # tokens

    @property
    def _token(self) -> Token:
        return self._tokens[self._position]

    def _next(self) -> Token:
        token = self._token
        if token.kind == "end":
            raise self._error()
        self._position += 1
        return token

    def _accept(self, *words: str) -> bool:
        """Consumes the words if all of them come next."""
        coming = self._tokens[self._position : self._position + len(words)]
        if tuple(token.word for token in coming) != words:
            return False
        self._position += len(words)
        return True

    def _expect(self, *words: str) -> None:
        for word in words:
            if not self._accept(word):
                raise self._error()

    def expect_end(self) -> None:
        if self._token.kind != "end":
            raise self._error()

    def _error(self) -> errors.CosmosError:
        token = self._token
        near = f"incorrect syntax near '{token.text}'" if token.text else "unexpected end of the query"
        return errors.query_error(f"Syntax error, {near}.", token.start, token.end)

    def _name(self) -> str:
        token = self._token
        if token.kind != "name" or token.word in _KEYWORDS:
            raise self._error()
        self._position += 1
        return token.text

    # clauses

    def query(self) -> syntax.Query:
        self._expect("SELECT")
        distinct = self._accept("DISTINCT")
        top = self._count() if self._accept("TOP") else None
        distinct = self._accept("DISTINCT") or distinct
        value = self._accept("VALUE")
        items: tuple[syntax.SelectItem, ...] = ()
        if value:
            items = (syntax.SelectItem(self.expression(), None),)
        elif not self._accept("*"):
            items = self._select_items()
        sources = self._sources() if self._accept("FROM") else ()
        where = self.expression() if self._accept("WHERE") else None
        group_by = self._expressions() if self._accept("GROUP", "BY") else ()
        order_by = self._order_items() if self._accept("ORDER", "BY") else ()
        offset = limit = None
        if self._accept("OFFSET"):
            offset = self._count()
            self._expect("LIMIT")
            limit = self._count()
        if not items and len(sources) != 1:
            token = self._token
            if token.word not in {"", ")"}:
                raise self._error()
            message = "'SELECT *' is only valid with a single input set."
            raise errors.query_error(message, token.start, token.end, "SC2041")
        return syntax.Query(items, value, distinct, top, sources, where, group_by, order_by, offset, limit)

    def _count(self) -> Expression:
        """The operand of TOP, OFFSET or LIMIT: a whole number or a parameter."""
        token = self._next()
        if token.kind == "parameter":
            return syntax.Parameter(token.text)
        if token.kind == "number" and isinstance(token.value, int):
            return syntax.Literal(token.value)
        self._position -= 1
        raise self._error()

    def _select_items(self) -> tuple[syntax.SelectItem, ...]:
        items = [self._select_item()]
        while self._accept(","):
            items.append(self._select_item())
        return tuple(items)

    def _select_item(self) -> syntax.SelectItem:
        expression = self.expression()
        if self._accept("AS"):
            return syntax.SelectItem(expression, self._alias())
        if self._token.kind == "name" and self._token.word not in _KEYWORDS:
            return syntax.SelectItem(expression, self._name())
        path = syntax.path_of(expression)
        return syntax.SelectItem(expression, path[-1] if path else None)

    def _alias(self) -> str:
        """After AS: a string or any name, even a keyword such as `value`."""
        token = self._next()
        if token.kind == "string":
            return str(token.value)
        if token.kind != "name":
            self._position -= 1
            raise self._error()
        return token.text

    def _sources(self) -> tuple[syntax.Source, ...]:
        sources = [self._source()]
        while self._accept("JOIN"):
            sources.append(self._source())
        return tuple(sources)

    def _source(self) -> syntax.Source:
        following = self._tokens[min(self._position + 1, len(self._tokens) - 1)]
        if self._token.kind == "name" and following.word == "IN":
            alias = self._name()
            self._expect("IN")
            return syntax.Source(self._postfix(), alias, iterate=True)
        path = self._postfix()
        if self._accept("AS") or (self._token.kind == "name" and self._token.word not in _KEYWORDS):
            return syntax.Source(path, self._name(), iterate=isinstance(path, syntax.Subquery))
        names = syntax.path_of(path)
        if names is None and not isinstance(path, syntax.Subquery):
            raise self._error()
        return syntax.Source(path, names[-1] if names else "", iterate=names is None)

    def _order_items(self) -> tuple[syntax.OrderItem, ...]:
        items = [self._order_item()]
        while self._accept(","):
            items.append(self._order_item())
        return tuple(items)

    def _order_item(self) -> syntax.OrderItem:
        token = self._token
        expression = self.expression()
        if syntax.path_of(expression) is None:
            message = "Unsupported ORDER BY clause. ORDER BY item expression could not be mapped to a document path."
            raise errors.query_error(message, token.start, self._token.start, "SC2206")
        descending = self._accept("DESC")
        if not descending:
            self._accept("ASC")
        return syntax.OrderItem(expression, descending)

    def _expressions(self) -> tuple[Expression, ...]:
        expressions = [self.expression()]
        while self._accept(","):
            expressions.append(self.expression())
        return tuple(expressions)

    # expressions

    def expression(self, lowest: int = _CONDITIONAL) -> Expression:
        """Parses operators with at least the precedence `lowest`."""
        self._nesting += 1
        if self._nesting > MAX_QUERY_NESTING:
            token = self._token
            message = f"The query is nested more than {MAX_QUERY_NESTING} levels deep."
            raise errors.query_error(message, token.start, token.end, "SC3011")
        left = self._prefix()
        while (precedence := _PRECEDENCE.get(self._token.word, 0)) >= lowest and self._token.kind != "string":
            left = self._infix(left, self._next().word, precedence)
        self._nesting -= 1
        return left

    def _infix(self, left: Expression, operator: str, precedence: int) -> Expression:
        if operator in {"AND", "OR"}:
            right = self.expression(precedence + 1)
            joined = left.operands if isinstance(left, syntax.Logical) and left.operator == operator else (left,)
            return syntax.Logical(operator, (*joined, right))
        if operator == "?":
            then = self.expression()
            self._expect(":")
            return syntax.Conditional(left, then, self.expression())
        if operator in {"NOT", "IN", "BETWEEN", "LIKE"}:
            return self._test(left, operator)
        right = self.expression(precedence + 1)
        return syntax.Binary("!=" if operator == "<>" else operator, left, right)

    def _test(self, left: Expression, operator: str) -> Expression:
        if operator == "NOT":
            negated = self._next().word
            if negated not in {"IN", "BETWEEN", "LIKE"}:
                self._position -= 1
                raise self._error()
            return syntax.Unary("NOT", self._test(left, negated))
        if operator == "IN":
            self._expect("(")
            options = self._expressions()
            self._expect(")")
            return syntax.In(left, options)
        if operator == "BETWEEN":
            low = self.expression(_LOWEST_OPERAND_OF_BETWEEN)
            self._expect("AND")
            return syntax.Between(left, low, self.expression(_LOWEST_OPERAND_OF_BETWEEN))
        pattern = self.expression(_LOWEST_OPERAND_OF_BETWEEN)
        escape = self.expression(_LOWEST_OPERAND_OF_BETWEEN) if self._accept("ESCAPE") else None
        return syntax.Like(left, pattern, escape)

    def _prefix(self) -> Expression:
        token = self._token
        if token.word == "NOT":
            self._next()
            return syntax.Unary("NOT", self.expression(_COMPARISON))
        if token.kind == "symbol" and token.word in {"-", "+", "~"}:
            self._next()
            operand = self.expression(_UNARY)
            if token.word == "-" and isinstance(operand, syntax.Literal) and is_number(operand.value):
                return syntax.Literal(-operand.value)
            return syntax.Unary(token.word, operand)
        return self._postfix()

    def _postfix(self) -> Expression:
        expression = self._primary()
        while True:
            if self._accept("."):
                token = self._next()
                if token.kind != "name":
                    self._position -= 1
                    raise self._error()
                expression = syntax.Member(expression, token.text)
            elif self._accept("["):
                expression = syntax.Index(expression, self.expression())
                self._expect("]")
            else:
                return expression

    def _primary(self) -> Expression:
        token = self._next()
        if token.kind in {"number", "string"}:
            return syntax.Literal(token.value)
        if token.kind == "parameter":
            return syntax.Parameter(token.text)
        if token.kind == "name":
            return self._named(token)
        if token.word == "(":
            return self._parenthesized()
        if token.word == "[":
            elements = () if self._token.word == "]" else self._expressions()
            self._expect("]")
            return syntax.ArrayLiteral(elements)
        if token.word != "{":
            self._position -= 1
            raise self._error()
        return self._object()

    def _parenthesized(self) -> Expression:
        if self._token.word == "SELECT":
            return self._subquery("scalar")
        expression = self.expression()
        self._expect(")")
        return expression

    def _named(self, token: Token) -> Expression:
        if token.word in _LITERALS:
            return syntax.Literal(_LITERALS[token.word])
        if token.word == "UNDEFINED":
            return syntax.Member(syntax.Literal(None), "undefined")
        if token.word in {"EXISTS", "ARRAY"} and self._accept("("):
            return self._subquery(token.word)
        if token.word == "UDF" and self._token.word == ".":
            raise errors.not_supported("user-defined functions")
        if self._accept("("):
            arguments = () if self._token.word == ")" else self._expressions()
            end = self._token.end
            self._expect(")")
            return syntax.Call(token.word, arguments, token.start, end)
        if token.word in _KEYWORDS:
            self._position -= 1
            raise self._error()
        return syntax.Name(token.text, token.start, token.end)

    def _subquery(self, kind: str) -> Expression:
        query = self.query()
        self._expect(")")
        return syntax.Subquery(kind, query)

    def _object(self) -> Expression:
        members: list[tuple[str, Expression]] = []
        while not self._accept("}"):
            if members:
                self._expect(",")
            token = self._next()
            if token.kind not in {"name", "string"}:
                self._position -= 1
                raise self._error()
            self._expect(":")
            members.append((token.text if token.kind == "name" else str(token.value), self.expression()))
        return syntax.ObjectLiteral(tuple(members))
