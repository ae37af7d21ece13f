using System.Collections.Immutable;
using System.Composition;
using System.Globalization;
using Marrow.Generators.Diagnostics;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeActions;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Marrow.CodeFixes;

/// <summary>MRW101: offers the nearest sizes that divide the features of every adapted layer.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(BlockSizeFix)), Shared]
public sealed class BlockSizeFix : CodeFixProvider
{
    /// <inheritdoc/>
    public override ImmutableArray<string> FixableDiagnosticIds => [DiagnosticIds.BlockSize];

    /// <inheritdoc/>
    public override FixAllProvider GetFixAllProvider() => WellKnownFixAllProviders.BatchFixer;

    /// <inheritdoc/>
    public override Task RegisterCodeFixesAsync(CodeFixContext context)
    {
        foreach (var diagnostic in context.Diagnostics)
        {
            var sizes = diagnostic.Properties[DiagnosticIds.FixesProperty] ?? "";
            foreach (var size in sizes.Split([','], StringSplitOptions.RemoveEmptyEntries))
            {
                // Equal titles are one fix for fix-all: "the smaller size" differs from attribute to attribute.
                var key = sizes.StartsWith(size, StringComparison.Ordinal) ? "Smaller" : "Larger";
                context.RegisterCodeFix(
                    CodeAction.Create(
                        $"Use {size}", token => Use(context.Document, diagnostic, size, token), key), diagnostic);
            }
        }

        return Task.CompletedTask;
    }

    private static async Task<Document> Use(
        Document document, Diagnostic diagnostic, string size, CancellationToken cancellation)
    {
        var root = (await document.GetSyntaxRootAsync(cancellation).ConfigureAwait(false))!;
        var node = root.FindNode(diagnostic.Location.SourceSpan);
        var value = SyntaxFactory.LiteralExpression(
            SyntaxKind.NumericLiteralExpression,
            SyntaxFactory.Literal(size, long.Parse(size, CultureInfo.InvariantCulture)));
        if (node.FirstAncestorOrSelf<AttributeArgumentSyntax>() is { } argument)
        {
            return document.WithSyntaxRoot(
                root.ReplaceNode(argument.Expression, value.WithTriviaFrom(argument.Expression)));
        }

        // The size was not written out: the diagnostic stands on the attribute's name.
        var attribute = node.FirstAncestorOrSelf<AttributeSyntax>()!;
        var written = SyntaxFactory.AttributeArgument(value)
            .WithNameEquals(SyntaxFactory.NameEquals(
                SyntaxFactory.IdentifierName("BlockSize"),
                SyntaxFactory.Token(SyntaxKind.EqualsToken)
                    .WithLeadingTrivia(SyntaxFactory.Space)
                    .WithTrailingTrivia(SyntaxFactory.Space)));
        var list = attribute.ArgumentList ?? SyntaxFactory.AttributeArgumentList();
        var arguments = list.Arguments.Count == 0
            ? SyntaxFactory.SingletonSeparatedList(written)
            : SyntaxFactory.SeparatedList(
                list.Arguments.Add(written),
                list.Arguments.GetSeparators()
                    .Append(SyntaxFactory.Token(SyntaxKind.CommaToken).WithTrailingTrivia(SyntaxFactory.Space)));
        return document.WithSyntaxRoot(
            root.ReplaceNode(attribute, attribute.WithArgumentList(list.WithArguments(arguments))));
    }
}
