//! What is asked again after it failed.

use super::*;

#[test]
fn what_could_not_be_made_is_tried_again_at_the_same_place_or_another() {
    for database in [Some("/d/espomail.db".to_owned()), None] {
        let is_asked = database.is_some();
        let mut guide = Guide::new(Facts { database, ..facts() });
        walk(&mut guide, &PERSON[usize::from(!is_asked)..]);
        walk(&mut guide, &["none", "yes"]);
        assert_eq!(guide.step, Step::Make);
        let before = line(&guide);
        guide.unmade();
        if is_asked {
            assert_eq!(guide.step, Step::Ask(Q::Database));
            walk(&mut guide, &["/elsewhere/espomail.db"]);
        }
        assert_eq!((&guide.step, line(&guide)), (&Step::Ask(Q::Create), before), "the other answers stand");
        walk(&mut guide, &["yes"]);
        assert_eq!(guide.step, Step::Make);
    }
}

#[test]
fn a_secret_that_was_refused_is_not_offered_again() {
    for is_of_password in [true, false] {
        let mut guide = at(Q::Secret);
        guide.answer("env:NOWHERE").unwrap();
        guide.tested(Some(Trouble { is_of_password, ..Trouble::default() }));
        walk(&mut guide, &["login", "", ""]);
        let offered = Some("env:NOWHERE".to_owned()).filter(|_| !is_of_password);
        assert_eq!((&guide.step, guide.usual(Q::Secret)), (&Step::Ask(Q::Secret), offered));
    }
}
