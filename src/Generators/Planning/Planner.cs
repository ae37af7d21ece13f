using Marrow.Generators.Specs;

namespace Marrow.Generators.Planning;

/// <summary>Evaluates classes of a closure with the arguments they are constructed with.</summary>
internal sealed class Planner(ModelClosure closure, bool evaluateBaseCallOfRoot)
{
    public PlannedModel Plan(ClassSpec type, Func<string, SizeExpression?> arguments, IReadOnlyList<string> around)
    {
        if (around.Contains(type.Key))
        {
            return new PlannedModel(type, [], [], [], RepeatsItself: true);
        }

        var layers = new List<PlannedLayer>();
        var adapters = new List<(AdapterSpec, ClassSpec)>();
        var quantizers = new List<(QuantizeSpec, ClassSpec)>();
        var endless = false;
        var values = arguments;
        var scopes = new List<(ClassSpec Type, Func<SizeExpression, SizeExpression> Evaluate)>();
        foreach (var current in closure.Lineage(type))
        {
            var known = values;
            scopes.Add((current, expression => expression.Evaluate(known)));
            if (closure.Find(current.BaseKey) is { } next)
            {
                values = evaluateBaseCallOfRoot || !ReferenceEquals(current, closure.Root)
                    ? Bind(next, current.BaseArguments.Select(argument => argument.Evaluate(known)).ToList())
                    : _ => null;
            }
        }

        // A base builds its layers before its variants do.
        foreach (var (owner, evaluate) in Enumerable.Reverse(scopes))
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
                    BlockSpec spec when closure.Find(spec.TypeKey) is { } inner => [.. Copies(spec, inner, [.. around, type.Key])],
                    AttentionSpec attention => [Parts((AttentionSpec)declared, attention, owner)],
                    _ => [],
                };
                var block = copies.FirstOrDefault();
                endless |= block is { RepeatsItself: true };
                layers.Add(new PlannedLayer(declared, evaluated, owner, block, copies.Count > 1 ? copies : []));
            }
        }

        return new PlannedModel(type, layers, adapters, quantizers, endless);
    }

    /// <summary>One plan, or one for each copy if their arguments name the copy's number.</summary>
    private IEnumerable<PlannedModel> Copies(BlockSpec block, ClassSpec inner, IReadOnlyList<string> around)
    {
        var differ = block.Arguments.SelectMany(argument => argument.Names).Contains(SizeExpression.CopyIndex);
        return (differ ? PlannedModel.Numbers(block) : [0]).Select(number => Plan(
            inner,
            Bind(inner, block.Arguments
                .Select(argument => argument.Evaluate(name => name == SizeExpression.CopyIndex ? new SizeExpression.Literal(number) : null))
                .ToList()),
            around));
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
                null => new SizeExpression.Opaque(parameter.Name),
                _ => value,
            };
        }

        return name => values.TryGetValue(name, out var value) ? value : null;
    }
}
