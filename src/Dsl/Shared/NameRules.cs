namespace Marrow.Shared;

/// <summary>What is wrong with a rule for a model's tensors.</summary>
/// <param name="Argument">The argument of its attribute; <c>own#1</c> is the second of a list.</param>
/// <param name="Message">The sentence, without a full stop.</param>
/// <param name="Unmatched">The pattern, if it matches nothing.</param>
/// <param name="IsIdle">Whether the rule as a whole does nothing, as it may for some sizes.</param>
internal sealed record NameFault(string Argument, string Message, string? Unmatched = null, bool IsIdle = false);

/// <summary>
/// One step from the model's names of tensors to a checkpoint's. Compiled into the generator and the runtime alike, so
/// that both know the same names.
/// </summary>
internal abstract class NameRule
{
    /// <summary>The attribute that says it, without suffix.</summary>
    public abstract string Attribute { get; }

    /// <summary>What is wrong with the patterns themselves.</summary>
    public abstract IEnumerable<NameFault> PatternFaults { get; }

    /// <summary>The tensors with other names; what cannot be is reported and left as it was.</summary>
    public abstract IReadOnlyList<StoredTensor> Apply(
        IReadOnlyList<StoredTensor> tensors, Action<NameFault> report);

    /// <summary>Reports two tensors that have one name now.</summary>
    private protected static void RequireDifferent(
        IReadOnlyList<StoredTensor> tensors, string argument, Action<NameFault> report)
    {
        var names = new HashSet<string>();
        if (tensors.FirstOrDefault(tensor => tensor.UnknownInside is null && !names.Add(tensor.Name)) is { } twice)
        {
            report(new(argument, $"two tensors would be '{twice.Name}' in the checkpoint"));
        }
    }

    /// <summary>
    /// Whether a pattern could mean something inside a module whose tensors are unknown. Names that may come of it are
    /// unknown too, so everything may match from then on.
    /// </summary>
    private protected static bool MayMatch(IReadOnlyList<StoredTensor> tensors, NamePattern pattern) =>
        tensors.Any(tensor => tensor.UnknownInside is { } start && pattern.LeadsInto(start));

    /// <summary>Stands for names that nothing is known of.</summary>
    private protected static StoredTensor Anything => new("*", 0, []);

    private protected static (string[] Stars, string After)? Match(NamePattern pattern, StoredTensor tensor) =>
        tensor.UnknownInside == "" ? null : pattern.Match(tensor.Name);

    private protected static NameFault Nothing(string argument, NamePattern pattern) =>
        new(argument, $"'{pattern.Text}' matches nothing", pattern.Text, IsIdle: true);

    private protected static IEnumerable<NameFault> Faults(
        (string Argument, NamePattern Pattern) whole, string list, IReadOnlyList<NamePattern> others, bool isList)
    {
        var all = others.Select((pattern, i) => (isList ? $"{list}#{i}" : list, pattern)).Prepend(whole);
        foreach (var (argument, pattern) in all)
        {
            if (pattern.Text.Split('.').Any(part => part.Trim().Length == 0 || part.Any(char.IsControl)))
            {
                yield return new(argument, $"'{pattern.Text}' has an empty or unprintable part between its dots");
            }
            else if (pattern.Stars != whole.Pattern.Stars)
            {
                yield return new(
                    argument,
                    $"'{pattern.Text}' and '{whole.Pattern.Text}' have different numbers of stars, so neither name "
                        + "follows from the other");
            }
        }

        if (isList && others.Count < 2)
        {
            yield return new(list, $"'{whole.Pattern.Text}' needs at least two parts; [Rename] is for one");
        }
    }
}

/// <summary>A layer or a tensor has another name.</summary>
internal sealed class RenameRule(string stored, string own) : NameRule
{
    private readonly NamePattern stored = new(stored), own = new(own);

    public override string Attribute => "Rename";

    public override IEnumerable<NameFault> PatternFaults => Faults(("stored", stored), "own", [own], isList: false);

    public override IReadOnlyList<StoredTensor> Apply(
        IReadOnlyList<StoredTensor> tensors, Action<NameFault> report)
    {
        var matches = 0;
        var renamed = tensors.ToList();
        for (var i = 0; i < renamed.Count; i++)
        {
            if (Match(own, renamed[i]) is { } match)
            {
                renamed[i] = renamed[i] with { Name = stored.Fill(match.Stars) + match.After };
                matches++;
            }
        }

        if (MayMatch(tensors, own))
        {
            renamed.Add(Anything);
        }
        else if (matches == 0)
        {
            report(Nothing("own", own));
        }

        RequireDifferent(renamed, "stored", report);
        return renamed;
    }
}

/// <summary>Several of the model's layers are one in the checkpoint.</summary>
internal sealed class SplitRule(string stored, IReadOnlyList<string> own) : NameRule
{
    private readonly NamePattern stored = new(stored);
    private readonly NamePattern[] own = [.. own.Select(text => new NamePattern(text))];

    public override string Attribute => "Split";

    public override IEnumerable<NameFault> PatternFaults => Faults(("stored", stored), "own", own, isList: true);

    public override IReadOnlyList<StoredTensor> Apply(
        IReadOnlyList<StoredTensor> tensors, Action<NameFault> report)
    {
        var parts = new Dictionary<string, StoredTensor?[]>();
        var wholes = new string?[tensors.Count];
        for (var t = 0; t < tensors.Count; t++)
        {
            for (var i = 0; i < own.Length; i++)
            {
                if (Match(own[i], tensors[t]) is not { } match)
                {
                    continue;
                }

                var whole = stored.Fill(match.Stars) + match.After;
                if (!parts.TryGetValue(whole, out var found))
                {
                    parts.Add(whole, found = new StoredTensor?[own.Length]);
                }

                if (found[i] is not null || wholes[t] is not null)
                {
                    report(new($"own#{i}", $"'{tensors[t].Name}' would be one part of '{whole}' too many"));
                    return tensors;
                }

                (found[i], wholes[t]) = (tensors[t], whole);
            }
        }

        var isSure = !own.Any(pattern => MayMatch(tensors, pattern)
            || tensors.Any(tensor => tensor.UnknownInside is not null && Match(pattern, tensor) is not null));
        var joined = new List<StoredTensor>();
        var done = new HashSet<string>();
        for (var t = 0; t < tensors.Count; t++)
        {
            if (wholes[t] is not { } whole)
            {
                joined.Add(tensors[t]);
            }
            else if (done.Add(whole))
            {
                var missing = Array.IndexOf(parts[whole], null);
                if (missing < 0)
                {
                    joined.Add(Join(whole, parts[whole]!, report));
                }
                else if (isSure)
                {
                    report(new(
                        $"own#{missing}",
                        $"'{own[missing].Text}' has nothing beside '{tensors[t].Name}' for a part of '{whole}'",
                        parts.Values.All(found => found[missing] is null) ? own[missing].Text : null));
                }
            }
        }

        if (own.Any(pattern => MayMatch(tensors, pattern)))
        {
            joined.Add(Anything);
        }
        else if (parts.Count == 0)
        {
            for (var i = 0; i < own.Length; i++)
            {
                report(Nothing($"own#{i}", own[i]));
            }
        }

        RequireDifferent(joined, "stored", report);
        return joined;
    }

    private static StoredTensor Join(string name, IReadOnlyList<StoredTensor> parts, Action<NameFault> report)
    {
        if (parts.Any(part => part.IsTransposed != parts[0].IsTransposed))
        {
            report(new("stored", $"'{name}' would be partly transposed"));
        }

        var (rows, size) = (new List<StoredRows>(), 0L);
        foreach (var part in parts)
        {
            rows.AddRange(part.Rows.Select(own => own with { Row = own.Row + size }));
            size += part.Size;
        }

        return new(name, size, rows, parts[0].IsTransposed);
    }
}

/// <summary>One of the model's layers is several in the checkpoint.</summary>
/// <param name="own">The model's name.</param>
/// <param name="stored">The checkpoint's names.</param>
/// <param name="parts">The ratio of their rows; null if they are equal.</param>
internal sealed class FuseRule(string own, IReadOnlyList<string> stored, IReadOnlyList<long>? parts) : NameRule
{
    private readonly NamePattern own = new(own);
    private readonly NamePattern[] stored = [.. stored.Select(text => new NamePattern(text))];

    public override string Attribute => "Fuse";

    public override IEnumerable<NameFault> PatternFaults
    {
        get
        {
            foreach (var fault in Faults(("own", own), "stored", stored, isList: true))
            {
                yield return fault;
            }

            if (parts is not null && parts.Count != stored.Length)
            {
                yield return new("Parts", $"Parts has {parts.Count} numbers for {stored.Length} names");
            }
            else if (parts?.Any(part => part is <= 0 or > int.MaxValue) == true)
            {
                yield return new("Parts", $"Parts {string.Join(" : ", parts)} are not all positive 32-bit numbers");
            }
        }
    }

    public override IReadOnlyList<StoredTensor> Apply(
        IReadOnlyList<StoredTensor> tensors, Action<NameFault> report)
    {
        var shares = parts ?? [.. stored.Select(_ => 1L)];
        var (matches, sum) = (0, shares.Sum());
        var divided = new List<StoredTensor>();
        foreach (var tensor in tensors)
        {
            if (Match(own, tensor) is not { } match)
            {
                divided.Add(tensor);
                continue;
            }

            matches++;
            if (shares.Any(share => tensor.Size * (decimal)share % sum != 0))
            {
                report(new(
                    parts is null ? "own" : "Parts",
                    $"the {tensor.Size} rows of '{tensor.Name}' do not divide as {string.Join(" : ", shares)}"));
            }

            var start = 0L;
            for (var i = 0; i < stored.Length; i++)
            {
                var size = (long)(tensor.Size * (decimal)shares[i] / sum);
                divided.Add(new(
                    stored[i].Fill(match.Stars) + match.After, size, [.. Within(tensor.Rows, start, size)],
                    tensor.IsTransposed));
                start += size;
            }
        }

        if (MayMatch(tensors, own))
        {
            divided.Add(Anything);
        }
        else if (matches == 0)
        {
            report(Nothing("own", own));
        }

        RequireDifferent(divided, "stored#0", report);
        return divided;
    }

    /// <summary>The part of the model's rows that lies in some rows of a tensor.</summary>
    private static IEnumerable<StoredRows> Within(IEnumerable<StoredRows> rows, long start, long size) =>
        from own in rows
        let first = Math.Max(own.Row, start)
        let end = Math.Min(own.Row + own.Count, start + size)
        where first < end
        select new StoredRows(own.Tensor, own.First + first - own.Row, end - first, first - start);
}
