using Marrow.Generators.Declarations;
using Marrow.Generators.Sizes;

namespace Marrow.Generators.Resolution;

/// <summary>Evaluates classes of a closure with the arguments they are constructed with.</summary>
internal sealed class Planner(ModelClosure closure, bool evaluateBaseCallOfRoot)
{
    // Copies that differ are planned one by one, nested ones as often as their product says: this many at most.
    private const int MostPlans = 1024;
    private readonly List<ReplacementSpec> replacements = []; // of the models around, outermost first
    private int plans;

    public PlannedModel Plan(ClassSpec type, Func<string, SizeExpression?> arguments, IReadOnlyList<string> around)
    {
        plans++;
        if (around.Contains(type.Key))
        {
            return new PlannedModel(type, [], [], [], RepeatsItself: true);
        }

        var own = closure.Lineage(type).SelectMany(ancestor => ancestor.Replacements).ToList();
        replacements.AddRange(own);
        var layers = new List<PlannedLayer>();
        var adapters = new List<(AdapterSpec, ClassSpec)>();
        var quantizers = new List<(QuantizeSpec, ClassSpec)>();
        var endless = false;
        foreach (var (owner, evaluate) in Scopes(type, arguments))
        {
            adapters.AddRange(owner.Adapters.Select(adapter => (adapter.Evaluate(evaluate), owner)));
            if (owner.Quantizer is { } quantizer)
            {
                quantizers.Add((quantizer.Evaluate(evaluate), owner));
            }

            foreach (var declared in owner.Layers)
            {
                var evaluated = declared.Evaluate(evaluate);
                IReadOnlyList<PlannedModel> copies = evaluated switch
                {
                    BlockSpec spec when closure.Find(Made(spec.TypeKey)) is { } inner =>
                        [.. Copies(spec, inner, [.. around, type.Key])],
                    AttentionSpec attention => [Parts((AttentionSpec)declared, attention, owner)],
                    _ => [],
                };
                var block = copies.FirstOrDefault();
                endless |= block is { RepeatsItself: true };
                layers.Add(new PlannedLayer(declared, evaluated, owner, block, copies.Count > 1 ? copies : []));
            }
        }

        replacements.RemoveRange(replacements.Count - own.Count, own.Count);
        return new PlannedModel(type, layers, adapters, quantizers, endless);
    }

    /// <summary>The class that is made for a block of this one.</summary>
    private string? Made(string? block) =>
        replacements.Find(replacement => replacement.Block == block && replacement.Error is null)?.Replacement ?? block;

    /// <summary>
    /// The class and its bases, each with what its expressions evaluate to; a base comes before its variants.
    /// </summary>
    private IEnumerable<(ClassSpec Type, Func<SizeExpression, SizeExpression> Evaluate)> Scopes(
        ClassSpec type, Func<string, SizeExpression?> arguments)
    {
        var values = arguments;
        var scopes = new List<(ClassSpec, Func<SizeExpression, SizeExpression>)>();
        foreach (var current in closure.Lineage(type))
        {
            var known = values;
            scopes.Add((current, expression => expression.Evaluate(known)));
            if (closure.Find(current.BaseKey) is { } next)
            {
                values = evaluateBaseCallOfRoot || !ReferenceEquals(current, closure.Root)
                    ? Bind(next, [.. current.BaseArguments.Select(argument => argument.Evaluate(known))])
                    : _ => null;
            }
        }

        scopes.Reverse();
        return scopes;
    }

    /// <summary>One plan, or one for each copy if their arguments name the copy's number.</summary>
    private IEnumerable<PlannedModel> Copies(BlockSpec block, ClassSpec inner, IReadOnlyList<string> around)
    {
        foreach (var index in block.HasCopyIndex && block.Count?.Integer is not 0 ? PlannedModel.Indices(block) : [0])
        {
            var number = new SizeExpression.Literal(index ?? 0);
            var values = block.Values
                .Select(value => value.Evaluate(name => name == SizeExpression.CopyIndex ? number : null))
                .ToList();
            yield return Plan(inner, Bind(inner, values), around);
            if (plans > MostPlans)
            {
                yield break;
            }
        }
    }

    /// <summary>An attention is planned as a block of the layers that it is made of.</summary>
    private static PlannedModel Parts(AttentionSpec declared, AttentionSpec evaluated, ClassSpec owner) => new(
        owner,
        [.. declared.Parts.Zip(evaluated.Parts, (written, known) => new PlannedLayer(written, known, owner, null, []))],
        [],
        [],
        RepeatsItself: false);

    private static Func<string, SizeExpression?> Bind(ClassSpec type, IReadOnlyList<SizeExpression> arguments)
    {
        var values = new Dictionary<string, SizeExpression>();
        for (var i = 0; i < type.Parameters.Count; i++)
        {
            var parameter = type.Parameters[i];
            var value = i < arguments.Count ? arguments[i] : parameter.Default;
            values[parameter.Name] = value switch
            {
                { Integer: { } whole } when parameter.IsFloating => new SizeExpression.Literal((double)whole),
                { Integer: < int.MinValue or > int.MaxValue } when parameter.Type == "int" =>
                    new SizeExpression.Invalid(
                        value.ToString(), $"'{parameter.Name}' is an int, which is too small for it"),
                null => new SizeExpression.Opaque(parameter.Name, parameter.Name),
                _ => value,
            };
        }

        return name => values.TryGetValue(name, out var value) ? value : null;
    }
}
