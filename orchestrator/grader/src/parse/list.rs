//! Lists: answers with commas, "and" or "or" between them.

use dashu_ratio::RBig;

use super::Parser;
use super::numerals::in_words;
use crate::ast::{Bracket, Expr, Num};
use crate::lex::Token;
use crate::stop::Stop;

/// What stands between two elements of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Join {
    Comma,
    And,
    Or,
}

impl Parser {
    /// Answers with commas, "and" or "or" between them.
    pub(super) fn list(&mut self) -> Result<Expr, Stop> {
        let mut items = vec![self.element()?];
        let mut joins = Vec::new();
        loop {
            if let Some(part) = self.and_a_half() {
                let whole = items.pop().ok_or(Stop::Syntax)?;
                items.push(Expr::Add(vec![whole, part]));
                continue;
            }
            let Some(join) = self.separator() else { break };
            if self.at_end_of_list() {
                break;
            }
            joins.push(join);
            items.push(self.element()?);
        }
        if items.len() == 1 {
            return Ok(items.swap_remove(0));
        }
        if joins.contains(&Join::Or) && names_differ(&items) {
            return Ok(alternatives(items, &joins));
        }
        if items.iter().all(is_condition) && joins.iter().any(|join| *join != Join::Comma) {
            return Ok(conditions(items, &joins));
        }
        Ok(Expr::Seq(Bracket::None, items, Bracket::None))
    }

    /// Passes a separator: a comma, "and", "or", or a comma and a word.
    fn separator(&mut self) -> Option<Join> {
        let mut found = None;
        loop {
            let join = match self.peek() {
                Some(Token::Symbol(',')) => Join::Comma,
                Some(Token::And) => Join::And,
                Some(Token::Or) => Join::Or,
                Some(Token::Symbol('&')) if found.is_some() && !self.cells => Join::Comma,
                _ => return found,
            };
            if found.is_none() || join != Join::Comma {
                found = Some(join);
            }
            self.at += 1;
        }
    }

    pub(super) fn at_end_of_list(&self) -> bool {
        match self.peek() {
            None | Some(Token::Row | Token::End(_)) => true,
            Some(Token::Symbol('&')) => self.cells,
            Some(Token::Symbol(c)) => matches!(c, ')' | ']' | '}' | '⦄' | '⟩' | ';'),
            _ => false,
        }
    }

    /// "and a half", "and three quarters" after a number.
    fn and_a_half(&mut self) -> Option<Expr> {
        let last = self.at.checked_sub(1).map(|before| &self.lexemes[before].token);
        if self.peek() != Some(&Token::And) || !matches!(last, Some(Token::Number { .. })) {
            return None;
        }
        let mut words = String::new();
        let mut length = 1;
        while let Some(Token::Word(word)) = self.peek_at(length).filter(|_| length <= 2) {
            words.push_str(word);
            words.push(' ');
            length += 1;
        }
        let value = in_words(&words).filter(|value| *value < RBig::ONE && *value > RBig::ZERO)?;
        self.at += length;
        Some(Expr::Num(Num { value, decimal: None }))
    }

    /// An element of a list, with the condition that "if" puts on it.
    fn element(&mut self) -> Result<Expr, Stop> {
        let value = self.relation()?;
        if !matches!(self.peek(), Some(Token::Word(word)) if word == "if" || word == "when") {
            return Ok(value);
        }
        let condition = self.condition(false)?;
        Ok(Expr::Case(Box::new(value), Box::new(condition)))
    }
}

/// Whether equations give values to different letters, so that "or" is not "and".
fn names_differ(items: &[Expr]) -> bool {
    let stem = |item: &Expr| match item {
        Expr::Relation(members, ops) if *ops == ['='] => match members.first() {
            Some(Expr::Var(name)) => name.split('_').next().map(str::to_owned),
            _ => None,
        },
        _ => None,
    };
    let Some(stems) = items.iter().map(stem).collect::<Option<Vec<_>>>() else { return false };
    stems.iter().any(|stem| *stem != stems[0])
}

/// Solutions in several letters with "or" between them: `x = 1, y = 2 or x = 2, y = 1`.
///
/// Where each is of one letter only, they are conditions: `x = 1 or y = 2` is no point.
fn alternatives(items: Vec<Expr>, joins: &[Join]) -> Expr {
    let mut groups: Vec<Vec<Expr>> = Vec::new();
    for (at, item) in items.into_iter().enumerate() {
        match groups.last_mut() {
            Some(group) if joins[at - 1] != Join::Or => group.push(item),
            _ => groups.push(vec![item]),
        }
    }
    let points = groups.iter().all(|group| group.len() > 1);
    let each = groups.into_iter().map(|group| Expr::Seq(Bracket::None, group, Bracket::None));
    if points {
        return Expr::Seq(Bracket::None, each.collect(), Bracket::None);
    }
    let single = |item: Expr| match item {
        Expr::Seq(_, mut items, _) if items.len() == 1 => items.swap_remove(0),
        other => other,
    };
    each.map(single)
        .reduce(|all, item| Expr::SetOp('∪', Box::new(all), Box::new(item)))
        .unwrap_or(Expr::Seq(Bracket::None, Vec::new(), Bracket::None))
}

/// Whether an element of a list restricts a name, so that "and" and "or" say different things.
fn is_condition(item: &Expr) -> bool {
    match item {
        Expr::Relation(_, ops) => {
            ops.iter().any(|op| matches!(op, '<' | '>' | '≤' | '≥' | '≠'))
                || matches!(ops.as_slice(), ['∈' | '=' | '∉'])
        }
        _ => false,
    }
}

/// Conditions joined by words: "and" binds tighter than "or", a comma means what the words mean.
///
/// Equations alone stay a list of solutions.
fn conditions(items: Vec<Expr>, joins: &[Join]) -> Expr {
    let restricts = |item: &Expr| {
        matches!(item, Expr::Relation(_, ops)
            if ops.iter().any(|op| matches!(op, '<' | '>' | '≤' | '≥' | '≠')))
    };
    let members =
        items.iter().filter(|item| matches!(item, Expr::Relation(_, ops) if *ops == ['∈']));
    if !items.iter().any(restricts) && members.count() < items.len() {
        return Expr::Seq(Bracket::None, items, Bracket::None);
    }
    let comma_is_or = joins.contains(&Join::Or);
    let mut any: Option<Expr> = None;
    let mut all: Option<Expr> = None;
    let union = |any: Option<Expr>, part: Expr| match any {
        None => part,
        Some(left) => Expr::SetOp('∪', Box::new(left), Box::new(part)),
    };
    for (at, item) in items.into_iter().enumerate() {
        let or = at > 0
            && match joins[at - 1] {
                Join::Or => true,
                Join::And => false,
                Join::Comma => comma_is_or,
            };
        all = Some(match all {
            None => item,
            Some(left) if or => {
                any = Some(union(any, left));
                item
            }
            Some(left) => Expr::SetOp('∩', Box::new(left), Box::new(item)),
        });
    }
    match all {
        Some(last) => union(any, last),
        None => Expr::Seq(Bracket::None, Vec::new(), Bracket::None),
    }
}
