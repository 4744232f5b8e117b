use super::*;

fn rule(days: u64, enabled: bool) -> Rule {
    Rule {
        tenant: TenantId::from_random([1; 16]),
        days: Days::new(days).unwrap(),
        content_logging: ContentLogging {
            enabled,
            since_ms: 0,
            approval: None,
            until_ms: None,
            keeps: Classes::NONE,
        },
    }
}

#[test]
fn days_are_one_to_thirty() {
    assert!(Days::new(1).is_ok() && Days::new(30).is_ok());
    for bad in [0, 31, 256, u64::MAX] {
        assert_eq!(Days::new(bad), Err(BadDays { given: bad }));
    }
}

/// For every hour of three days and every number of days: the deadline is never later than agreed,
/// and less than a day earlier.
#[test]
fn a_deadline_is_a_midnight_and_never_late() {
    for days in 1..=30 {
        for hour in 0..72 {
            let now_ms = 1_764_000_000_000 + hour * 3_600_000 + 123;
            let RetentionPlan::Store(until) = plan(&rule(days, true), now_ms) else { panic!() };
            assert_eq!(until.deadline_ms() % DAY_MS, 0);
            let kept = until.deadline_ms() - now_ms;
            assert!(kept <= days * DAY_MS && kept + DAY_MS > days * DAY_MS, "{days} {hour}");
        }
    }
}

#[test]
fn under_zero_retention_there_is_no_deadline() {
    assert!(matches!(plan(&rule(30, false), 5), RetentionPlan::Zero(_)));
}
